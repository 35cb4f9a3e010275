"""Campaigns: each is a file in campaigns/, read and checked here."""

from pipeline.campaigns.definitions import Campaign, read_campaigns, read_edited
from pipeline.campaigns.variables import campaign_variables

__all__ = ["Campaign", "campaign_variables", "read_campaigns", "read_edited"]
