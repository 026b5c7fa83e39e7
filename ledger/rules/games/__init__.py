"""Cooperative games: formulas on whole numbers, without members, rules or rounding.

``table`` is the Shapley value of a game given coalition by coalition, ``tree`` of a network whose
costs are on its edges, ``airport`` of nested needs; ``scrb`` is the separable costs, remaining
benefits method.
"""
