/// The CFS bandwidth controller of one pod: a pool refilled every period, a local slice, a throttled state.
///
/// The kernel hands the pool out in slices; only two moments can tell: an idle core gives back all but a little, and what
/// it still holds at a period boundary is kept, while the pool's rest is lost. So the state is the total runtime left and
/// how much of it is local, and slices need no events of their own.
///
///     consume w:   total −= w; local = what is left of the last slice taken
///     idle:        local = min(local, κ)                      (the rest returns to the pool)
///     boundary:    total = Q + local; local = min(local, total); a debt (local < 0) is paid from the fresh pool
///     limit write: total = Q; local = 0; not throttled        (at once, in the middle of the period)
///
/// Core-seconds throughout. Source: kernel/sched/fair.c (`__refill_cfs_bandwidth_runtime`, `tg_set_cfs_bandwidth`).
struct CPUQuota {
  /// The smallest quota that the kernel takes; runtimes write this one in place of less.
  static let smallest = 0.001
  /// Runtime per period: limit · period.
  var quota: Double
  /// Runtime left, pool and local slice together; below 0 is debt (late throttling only).
  var total: Double
  /// Part of `total` that a core holds.
  var local: Double = 0
  var isThrottled = false
  let slice: Double
  let inverseSlice: Double
  let kept: Double

  init(quota: Double, slice: Double, kept: Double) {
    self.quota = quota
    self.total = quota
    self.slice = slice
    self.inverseSlice = 1 / slice
    self.kept = kept
  }

  @inline(__always)
  mutating func consume(_ work: Double) {
    total -= work
    let beyond = work - local
    if beyond < 0 {
      local = -beyond
    } else {
      // Whole slices were taken one after another; a slice used up to the last bit is followed by a fresh one.
      local = min((Double(Int(beyond * inverseSlice)) + 1) * slice - beyond, total)
    }
  }

  /// The last running thread has stopped.
  @inline(__always)
  mutating func idle() {
    if local > kept { local = kept }
  }

  /// A period boundary; true when it found the pod throttled.
  @inline(__always)
  mutating func refill() -> Bool {
    let found = isThrottled
    total = quota + local
    if local < 0 { local = min(0, total) }
    isThrottled = found && total <= 0
    return found
  }

  /// Writing a quota, also the same one, refills the pool at once and forgives debt.
  mutating func write(quota: Double) {
    self.quota = quota
    total = quota
    local = 0
    isThrottled = false
  }
}
