"""Questions to a trained network: where it looks, what its layers see, whether that is the lesion."""

from lesionlib.probes.explain import feature_maps, gradcam, gradcam_plusplus
from lesionlib.probes.on_lesion import heat_on_lesion, lesion_masks

__all__ = ["feature_maps", "gradcam", "gradcam_plusplus", "heat_on_lesion", "lesion_masks"]
