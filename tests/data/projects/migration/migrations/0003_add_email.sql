ALTER TABLE customers ADD COLUMN email TEXT;
UPDATE customers SET email = 'customer' || id || '@example.org';
CREATE UNIQUE INDEX customers_email ON customers (email);
