"""Settlements (精算): a rule set run on a period's figures, and what follows from it.

Pure. ``run`` divides the money; ``sumtree`` commits to weights and amounts, so that members can
check sums without rivals' rows; ``document`` is what is approved; ``statement`` is what a member
receives, ``verify`` how it is checked, and ``explain`` puts it into words.
"""
