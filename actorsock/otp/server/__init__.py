"""`GenServer`.

- `gen_server`: the class with the callbacks
- `outcomes`: what the callbacks return
- `rules`: which callback a message is for, and what follows from its result; pure
- `fast_path`: a shorter way to the same results for the commonest calls and casts
"""
