CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    cents INTEGER NOT NULL CHECK (cents >= 0)
);
INSERT INTO orders (id, customer_id, cents) VALUES (1, 1, 1250), (2, 2, 900);
