"""What all behaviours share: starting, the loop, effects and outcomes, requests of `sys`."""
