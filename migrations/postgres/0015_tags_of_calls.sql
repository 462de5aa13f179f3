-- SQLite has what a tag says in this index since 0015. Here an entry of an index is bounded, and tags are not: they are looked up.
COMMENT ON INDEX calls_tagged IS 'calls that have tags';
