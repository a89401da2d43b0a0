"""The public functions of processes, which `actorsock` exports.

One module for each chapter of the documentation. Imports from `core` and `bodies`; within `api`,
`messaging` imports from `aliases` and `naming`, and `ending` and `mailbox_iteration` are made of
the others' public functions alone.
"""
