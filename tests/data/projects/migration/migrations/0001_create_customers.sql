-- Customers; the address comes in a migration of its own.
CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL
);
INSERT INTO customers (id, name) VALUES (1, 'Ada; the first'), (2, 'Grace');
