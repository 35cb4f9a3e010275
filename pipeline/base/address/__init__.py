"""A home at an address: runs work in a copy of it on the disk, and bring what they have made back to it.

An address (`CRM_HOME=s3://bucket/crm`) has no rename, no link and no lock. What stands for them is one operation that
object stores have: to write an object on condition that it is not there.

| In a folder | At an address |
|---|---|
| the state of the home as a whole | `home/<generation>.json` names every file that counts; the newest one holds |
| `current` | a line in it |
| the lock | `lease/<number>.json`: the newest one is held until the time that it says |

An object that counts is never overwritten, and nothing counts before the next `home/` is there.
"""
