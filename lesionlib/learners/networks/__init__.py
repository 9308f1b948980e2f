"""Networks that timm does not have; with this import it knows their names."""

from lesionlib.learners.networks.small_nets import AlexNet, GroupedCNN, GuptaCNN

__all__ = ["AlexNet", "GroupedCNN", "GuptaCNN"]
