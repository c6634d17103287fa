/// The dueling decomposition:  Q(s, a) = V(s) + A(s, a) − mean A(s, ·).
///
/// - Source: Wang et al. 2016, eq. 9. `mean` is passed in, so that one can also be taken over a whole batch.
public enum DuelingHead {
  /// - `values` `[rows]`, `advantages` and `q` `[rows, actions]`. The mean is that of each row.
  public static func combine(
    values: UnsafePointer<Float>, advantages: UnsafePointer<Float>, rows: Int, actions: Int,
    into q: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<rows {
      let a = advantages + row * actions
      let base = values[row] - sum(a, actions) / Float(actions)
      for action in 0..<actions { q[row * actions + action] = base + a[action] }
    }
  }

  /// As `combine`, with one given mean for all rows.
  public static func combine(
    values: UnsafePointer<Float>, advantages: UnsafePointer<Float>, mean: Float, rows: Int, actions: Int,
    into q: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<rows {
      for action in 0..<actions {
        q[row * actions + action] = values[row] - mean + advantages[row * actions + action]
      }
    }
  }

  /// ∂L/∂V = Σ ∂L/∂Q,   ∂L/∂A = ∂L/∂Q − mean ∂L/∂Q, per row; or with one given mean for all rows.
  public static func backward(
    _ gradient: UnsafePointer<Float>, mean: Float? = nil, rows: Int, actions: Int,
    values: UnsafeMutablePointer<Float>, advantages: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<rows {
      let g = gradient + row * actions
      let total = sum(g, actions)
      values[row] = total
      let mean = mean ?? total / Float(actions)
      for action in 0..<actions { advantages[row * actions + action] = g[action] - mean }
    }
  }

  @inline(__always)
  public static func sum(_ values: UnsafePointer<Float>, _ count: Int) -> Float {
    var sum: Float = 0
    for index in 0..<count { sum += values[index] }
    return sum
  }
}
