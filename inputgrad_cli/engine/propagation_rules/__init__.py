"""Backward rules that propagate relevance through the operations of the traced model.

Rules see activations as operations, so it does not matter whether they are layers, arguments or
functions, nor how deep models are nested. An operation without a rule is refused by name.
"""
