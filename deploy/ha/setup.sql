-- Run once on the primary, as its superuser. It may be run again.
SELECT 'CREATE ROLE shop LOGIN PASSWORD ''shop''' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'shop') \gexec
SELECT 'CREATE DATABASE shop OWNER shop' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'shop') \gexec

-- What connections ask for at their start, and a pooler drops. With a role for each process set the worker's longer ones
-- for its own: a process says at its start which statements it lacks.
ALTER ROLE shop SET lock_timeout = '5s';
ALTER ROLE shop SET statement_timeout = '10s';
ALTER ROLE shop SET idle_in_transaction_session_timeout = '5s';
ALTER ROLE shop SET enable_seqscan = off;
