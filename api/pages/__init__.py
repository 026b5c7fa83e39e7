"""Readable pages: plain data in, one self-contained HTML text out, in Japanese and English."""
