"""`StateMachine`.

- `state_machine`: the class with the callbacks
- `events`: what a callback is called with
- `outcomes`: what it returns: results and actions
- `rules`: which event is next, and what follows from a result; pure
- `timeouts`: the part of the rules that concerns time-outs
"""
