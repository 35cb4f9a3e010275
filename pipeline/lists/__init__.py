"""Campaign lists: who is in, as CSV for mailing tools and as a workbook for people, with a manifest of what it is.

A list is made from the published release alone. It is the one place where customers meet their names, addresses and the
ids that source systems know them by, so its files are for their owner's eyes only, and nothing of them is logged. An
address stands in a list only where its owner has consented to marketing by that channel.
"""

from pipeline.lists.export import export_lists
from pipeline.lists.members import COLUMNS

__all__ = ["COLUMNS", "export_lists"]
