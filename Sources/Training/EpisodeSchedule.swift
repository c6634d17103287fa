import Autoscaling
import Glibc
import Learning
import PodSimulation
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
    let present = presentPods(episode: episode, cluster: cluster)
    let smallest = present * settings.minimum
    if let span = stage(of: episode)?.poolPerPod {
      let perPod = drawn(from: span, "pool per pod", cluster, episode)
      return max(Int((perPod * Double(present)).rounded()), smallest)
    }
    let pool = present == settings.pods.count ? pool : max(pool * present / settings.pods.count, smallest)
    guard settings.poolSpread > 1 else { return pool }
    var random = RandomStream(seed: settings.seed, purpose: "pool spread", cluster, episode)
    let drawn = Double(pool) * pow(settings.poolSpread, 2 * random.uniform() - 1)
    return max(Int(drawn.rounded()), smallest)
  }

  // MARK: The curriculum

  /// Which stage an episode belongs to; nil without a curriculum. The last one for an episode before the first, which
  /// validation plays: agents are judged by where the curriculum leads.
  func stageIndex(of episode: Int) -> Int? {
    guard let stages = settings.curriculum, !stages.isEmpty else { return nil }
    guard episode >= 0 else { return stages.count - 1 }
    var begin = 0
    for (index, stage) in stages.enumerated() {
      begin += stage.episodes ?? settings.episodes
      if episode < begin { return index }
    }
    return stages.count - 1
  }

  private func stage(of episode: Int) -> CurriculumStage? {
    stageIndex(of: episode).flatMap { settings.curriculum?[$0] }
  }

  /// How many of a cluster's pods are there in an episode.
  func presentPods(episode: Int, cluster: Int) -> Int {
    guard let span = stage(of: episode)?.pods else { return settings.pods.count }
    var random = RandomStream(seed: settings.seed, purpose: "present pods", cluster, episode)
    return Int(span.from) + random.below(Int(span.to - span.from) + 1)
  }

  /// What a cluster's request rates are multiplied by in an episode.
  func loadScale(episode: Int, cluster: Int) -> Double {
    stage(of: episode)?.load.map { drawn(from: $0, "load scale", cluster, episode) } ?? 1
  }

  /// The conditions of a round of episodes; those of every environment without a curriculum.
  ///
  /// - Parameter workloads: one per stage.
  func conditions(episode: Int, clusters: Int, workloads: [Workload]) -> EpisodeConditions {
    guard let index = stageIndex(of: episode), let stage = settings.curriculum?[index] else { return .usual }
    return EpisodeConditions(
      workload: workloads[index],
      presentPods: stage.pods.map { _ in (0..<clusters).map { presentPods(episode: episode, cluster: $0) } },
      loadScales: stage.load.map { _ in (0..<clusters).map { loadScale(episode: episode, cluster: $0) } })
  }

  /// The load of every stage; empty without a curriculum.
  func workloads() throws -> [Workload] {
    try (settings.curriculum ?? []).map { stage in
      var load = settings.workload
      if let name = stage.workload {
        load.name = name
        load.parameters = [:]
      }
      return try Workload(load)
    }
  }

  /// A number of a span, drawn log-uniformly: so that a half is as near as a double.
  private func drawn(from span: CurriculumStage.Span, _ purpose: StaticString, _ cluster: Int, _ episode: Int) -> Double
  {
    guard span.from < span.to else { return span.from }
    var random = RandomStream(seed: settings.seed, purpose: purpose, cluster, episode)
    return min(span.from * pow(span.to / span.from, random.uniform()), span.to)
  }

  func startsAnew(episode: Int) -> Bool {
    settings.variablePool && episode % 5 == 0 || settings.resetsLimits && episode % 10 == 0
  }

  /// Limits drawn for the pods of one cluster that are there: from the minimum up to twice the equal share, and together no
  /// more than the pool has.
  func randomLimits(episode: Int, cluster: Int, pool: Millicores) -> [Millicores] {
    var random = RandomStream(seed: settings.seed, purpose: "first limits", cluster, episode)
    let count = presentPods(episode: episode, cluster: cluster)
    let largest = min(2 * pool / count, settings.maximum ?? pool)
    var left = pool
    return (0..<settings.pods.count).map { pod in
      // Whoever is not there takes nothing from the others.
      guard pod < count else { return settings.minimum }
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
    case .random: return drawnPriority(ofPod: pod, episode: episode)
    case .published(let number):
      // Without the switch the on-policy trainer's patterns hold for all: its are the only ones that favour each pod once.
      let own = settings.compatibility == .upstream ? try? Algorithms.named(settings.algorithm).family : nil
      let family = own ?? .onPolicy
      if let pattern = family.publishedPriorities[number] { return pattern[pod % 3] }
      return family.isOnPolicy ? 1 : drawnPriority(ofPod: pod, episode: episode)
    }
  }

  private func drawnPriority(ofPod pod: Int, episode: Int) -> Double {
    var random = RandomStream(seed: settings.seed, purpose: "priority", pod, episode / 4)
    return Double(1 + random.below(10)) / 10
  }
}
