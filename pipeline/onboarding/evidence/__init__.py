"""What the values of the tables say: orders and their lines, sums that agree, words of status, relations."""
