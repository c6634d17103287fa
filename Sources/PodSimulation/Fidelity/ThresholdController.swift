import Autoscaling

/// The rule that the ground truth's controller runs followed: every second, usage ÷ limit above `upper` raises the limit by
/// a step if the shared budget has room, below `lower` lowers it; the quota is written only when the limit changes.
struct ThresholdController {
  /// Percent of the limit.
  var upper = 60.0
  var lower = 30.0
  /// Millicores.
  var step = 25
  var minimum = 50
  var maximum = 1000
  var start = 200
  var budget = 1000

  /// - Parameter text: e.g. `controller upper=60 lower=30 step=25 min=50 max=1000 start=300 budget=1000`.
  init(_ text: String) throws {
    for field in text.split(separator: " ").dropFirst() {
      let parts = field.split(separator: "=")
      guard parts.count == 2, let value = Int(parts[1]), (1...1_000_000).contains(value) else {
        throw SimulationError("controller setting '\(field)', expected name=number with a number in 1…1000000")
      }
      switch parts[0] {
      case "upper": upper = Double(value)
      case "lower": lower = Double(value)
      case "step": step = value
      case "min": minimum = value
      case "max": maximum = value
      case "start": start = value
      case "budget": budget = value
      default:
        throw SimulationError("controller setting '\(field)', expected upper, lower, step, min, max, start or budget")
      }
    }
  }

  /// The limits after a second with the given usages, millicores; pods are asked in order.
  func next(limits: [Millicores], usages: [Double]) -> [Millicores] {
    var limits = limits
    for pod in limits.indices {
      let utilisation = usages[pod] / Double(limits[pod]) * 100
      if utilisation > upper {
        let room = budget - limits.reduce(0, +)
        if limits[pod] + step <= maximum && step <= room { limits[pod] += step }
      } else if utilisation < lower {
        limits[pod] = max(limits[pod] - step, minimum)
      }
    }
    return limits
  }
}
