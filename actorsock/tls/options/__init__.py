"""The options of `ssl`: one table, the lists of callers, and the contexts that are made of them."""
