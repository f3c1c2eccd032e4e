CREATE TABLE n (id integer PRIMARY KEY, a integer, b integer, t text, f double precision);
CREATE INDEX n_a ON n (a);
CREATE INDEX n_a_b ON n (a, b);
INSERT INTO n (id, a, b, t, f) VALUES (1, 1, 10, 'x', 1.5), (2, 1, NULL, 'y', NULL), (3, 2, 10, 'X', -2.5), (4, NULL, 20, NULL, 0.0), (5, NULL, NULL, '', 1.5), (6, 3, 30, 'é', 100.25), (7, 2, 20, 'x', 3.0);
