import Autoscaling
import Glibc
import RandomStreams

/// What changes from episode to episode: pool, priorities, whether limits start anew. A pure function of settings and
/// episode, so that a resumed run needs no memory of it.
struct EpisodeSchedule {
  let settings: TrainingSettings

  /// The pool of an episode, millicores. Pools too small for everybody's minimum are left out of the draw.
  func pool(episode: Int) -> Millicores {
    guard settings.variablePool else { return settings.pool }
    let choices = stride(from: 500, through: 2000, by: 250).filter { $0 / settings.pods.count >= settings.minimum }
    guard !choices.isEmpty else { return settings.pool }
    var random = RandomStream(seed: settings.seed, purpose: "pool", episode / 5)
    return choices[random.below(choices.count)]
  }

  /// The pool of one cluster in an episode whose pool is `pool`; never too small for everybody's minimum.
  func pool(_ pool: Millicores, episode: Int, cluster: Int) -> Millicores {
    guard settings.poolSpread > 1 else { return pool }
    var random = RandomStream(seed: settings.seed, purpose: "pool spread", cluster, episode)
    let drawn = Double(pool) * pow(settings.poolSpread, 2 * random.uniform() - 1)
    return max(Int(drawn.rounded()), settings.pods.count * settings.minimum)
  }

  func startsAnew(episode: Int) -> Bool {
    settings.variablePool && episode % 5 == 0 || settings.resetsLimits && episode % 10 == 0
  }

  /// Limits drawn for the pods of one cluster: from the minimum up to twice the equal share, and together no more than the
  /// pool has.
  func randomLimits(episode: Int, cluster: Int, pool: Millicores) -> [Millicores] {
    var random = RandomStream(seed: settings.seed, purpose: "first limits", cluster, episode)
    let count = settings.pods.count
    let largest = min(2 * pool / count, settings.maximum ?? pool)
    var left = pool
    return (0..<count).map { pod in
      let drawn = settings.minimum + random.below(max(largest - settings.minimum, 0) + 1)
      let reserved = (count - 1 - pod) * settings.minimum
      let limit = max(min(drawn, left - reserved) / 10 * 10, settings.minimum)
      left -= limit
      return limit
    }
  }

  /// How far the price of late requests is from the settings' own, doublings.
  func caution(episode: Int, cluster: Int) -> Double {
    guard let slo = settings.slo, slo.weightDoublings > 0 else { return 0 }
    var random = RandomStream(seed: settings.seed, purpose: "caution", cluster, episode)
    return slo.weightDoublings * (2 * random.uniform() - 1)
  }

  func priority(ofPod pod: Int, episode: Int) -> Double {
    switch settings.priorities {
    case .fixed(let values):
      return values.count == 1 ? values[0] : values[pod]
    case .random:
      var random = RandomStream(seed: settings.seed, purpose: "priority", pod, episode / 4)
      return Double(1 + random.below(10)) / 10
    case .published(let number):
      let patterns: [Int: [Double]] = [1: [1, 0.1, 0.1], 2: [0.1, 1, 0.1], 3: [0.1, 0.1, 1]]
      return patterns[number].map { $0[pod % 3] } ?? 1
    }
  }
}
