"""Use cases, one verb a module. They name what they need; ``wiring`` supplies it."""
