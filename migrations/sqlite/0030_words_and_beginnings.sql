-- Words and beginnings of numbers have had their indexes here since 0029; PostgreSQL has them now, too.
SELECT 1;
