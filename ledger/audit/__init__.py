"""The offline verifier: it needs no database, no server and no chain library."""
