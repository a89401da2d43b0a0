"""`StateMachine`: events, states and time-outs, as rules and as a class."""
