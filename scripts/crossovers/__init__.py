"""From which size on a strategy passes another: see crossover.py."""
