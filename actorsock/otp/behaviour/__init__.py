"""The parts that all behaviours share.

A behaviour is a class of callbacks, and pure rules that say when each of them is called.

- `base`: the base class of all behaviours
- `lifecycle`: the rules that all behaviours share: beginning, stopping, crashing
- `effects`: what rules ask for, and the events that they take
- `engine`: carries the effects out, in a process
- `starting`: `start` and `start_link`
- `exit_reasons`: orderly reasons, and the reason of an exception
- `system_requests`, `debugging`: the requests of `sys`, inside the process
- `ancestry`: from which processes one descends
- `special_process`: the same for a process of the program without a behaviour
"""
