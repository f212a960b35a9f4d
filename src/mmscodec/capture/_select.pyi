from typing import Any

import numpy as np

from mmscodec.capture._walker import Walker

def select_records(walker: Walker, keys: Any) -> np.ndarray: ...
