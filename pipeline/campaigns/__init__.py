"""Campaign lists: each is a file in campaigns/, read and checked here."""

from pipeline.campaigns.definitions import Campaign, read_campaigns

__all__ = ["Campaign", "read_campaigns"]
