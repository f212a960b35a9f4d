from typing import Any

import numpy as np

from mmscodec.capture._merge import Merge

def select_records(merge: Merge, keys: Any) -> np.ndarray: ...
