"""Participatory budgeting: how citizens' votes divide a pool among projects (RULES.md section 4).

``greedy`` and ``equal_shares`` fund projects whole, by approvals and costs; ``quadratic`` matches
what citizens gave. Pure formulas: a step or key gives them figures and rounds what they answer.
"""
