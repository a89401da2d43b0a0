"""`EventManager` and `EventHandler`.

- `event_handler`: the class with the callbacks of a handler
- `event_manager`: the behaviour, and the engine that runs it
- `names`: how a handler is named
- `outcomes`: what the callbacks of a handler return
- `requests`: the functions that programs call, and the messages that these send
- `rules`: which callback of which handler is next, and what follows from its result; pure
- `effects`: what these rules ask for besides what all behaviours do
"""
