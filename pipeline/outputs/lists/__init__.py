"""Campaign lists: CSV files for mailing tools, workbooks for people, and a manifest for each list.

A list is made from the published release only. It is the one place where customers are joined with their names, their
addresses and the sources' ids. Its files are therefore readable by their owner only, and none of their content is
logged. An address is in a list only where the customer has consented to marketing by that channel.
"""

from pipeline.outputs.lists.export import export_lists
from pipeline.outputs.lists.members import columns_of

__all__ = ["columns_of", "export_lists"]
