"""What stands in front of the ledger: HTTP routes and readable pages."""
