"""dbt as a process: started, ahead where it can be, given one command, and what it says of a failure."""
