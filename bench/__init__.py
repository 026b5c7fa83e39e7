"""Speed of the whole, each figure beside a yardstick measured in the same run.

``python -m bench`` prints a table and writes ``bench/results.json``; docs/benchmarks.md says how
each figure is taken and how to read it.
"""
