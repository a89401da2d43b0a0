"""The demonstration: an echo server, its clients, and what passes between them.

One room for each role: `server` (who listens, and who serves one connection), `client` (calls
that block), `nowait_client` (calls that never block), `closing` (a process whose socket another
one closes). `tour` starts them all and adds up what they report; `text` is what they send,
`reports` what they tell each other, `terminal` what they tell people.
"""
