"""What reference_run.sh measures: the parts of its plan, those that answer most first."""
