"""The HTTP face of kyojo (FastAPI)."""
