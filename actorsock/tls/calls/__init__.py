"""The functions of `ssl`: arguments, results, and which socket they concern."""
