"""The rule language: rule sets, inputs, keys, steps and rounding (RULES.md sections 2 to 5, 7).

Pure: integers and fractions only. ``document.parse_rules`` reads a rule set,
``inputs.parse_inputs`` the figures of a period; ``keys`` turns figures into weights, ``steps``
takes money from pools, and ``rounding`` divides whole minor units by exact weights.
``ledger.settlement.run`` puts them together.

A kind of key or step is one module and one row of a table (``keys.KEY_KINDS``,
``steps.STEP_KINDS``). What the language knows but this version does not is listed in ``later`` and
refused by name.
"""
