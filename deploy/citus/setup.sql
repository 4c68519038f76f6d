-- Run once, in the database of the cells, at the coordinator. The image has made the extension on every node; elsewhere run
-- CREATE EXTENSION citus on each first. It may be run again.
SELECT citus_set_coordinator_host('citus-1', 5432);
SELECT citus_add_node('citus-2', 5432);
SELECT citus_set_node_property('citus-1', 5432, 'shouldhaveshards', true);

-- Citus makes the role on every node. It needs no right but to create its schemas.
SELECT 'CREATE ROLE shop LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'shop') \gexec
SELECT format('GRANT CREATE ON DATABASE %I TO shop', current_database()) \gexec
-- Each schema that it makes from now on is kept whole on one node, and can be moved.
ALTER ROLE shop SET citus.enable_schema_based_sharding = on;
