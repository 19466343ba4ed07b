-- What has been applied so far, one line each; nothing where there is no such table yet.
SELECT to_regclass('schema_migrations') IS NOT NULL AS present \gset
\if :present
SELECT version, name, sha256 FROM schema_migrations ORDER BY version;
\endif
