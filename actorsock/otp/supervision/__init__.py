"""`Supervisor`.

- `supervisor`: the class, and the server that it runs as
- `requests`: `start_child`, `which_children` and the other functions that ask a supervisor
- `child_spec`: the description of a child, and of the restart strategy
- `rules`: which children are stopped and started when one ends; pure
- `children`: what the supervisor does with its children, whatever their kind;
  `listed_children` and `dynamic_children` (simple_one_for_one) are the two kinds
- `child_process`: starting and stopping one child
- `elsewhere`: children on other nodes
- `reports`: the log records
"""
