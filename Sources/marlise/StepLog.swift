import PodSimulation
import Terminal
import Training

/// What `--debug` prints: a line per step and agent of the first cluster.
enum StepLog {
  static func lines(_ trainer: Trainer, step: Int) -> [String] {
    let group = trainer.environment.groups[0]
    return (0..<group.count).map { pod in
      let sample = group.samples[pod]
      guard sample.isPresent else { return "\(place(trainer, step))  \(group.pods[pod].name)  absent" }
      let latency = sample.responseTimes.map { Number.fixed($0.mean * 1000, 0) + " ms" } ?? "no answer"
      return "\(place(trainer, step))  \(group.pods[pod].name)  limit \(sample.limit)m  usage "
        + "\(Number.fixed(sample.usage, 0))m  \(Number.fixed(group.utilisation[pod], 0)) %  \(latency)  action "
        + "\(Number.fixed(Double(trainer.action(ofPod: pod)), 2))  reward "
        + Number.fixed(Double(trainer.reward(ofPod: pod)), 3)
    }
  }

  private static func place(_ trainer: Trainer, _ step: Int) -> String {
    "episode \(trainer.nextEpisode)  step \(step)"
  }
}
