"""The public functions of processes, which `actorsock` hands on."""
