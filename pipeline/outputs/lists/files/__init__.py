"""The files of a list: values as they are shown, CSV, workbook, and guards against formulas."""
