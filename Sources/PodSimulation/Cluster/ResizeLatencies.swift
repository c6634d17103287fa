import RandomStreams

/// How long each resize of each pod takes: drawn per write, from a stream that (seed, pod, episode) names.
final class ResizeLatencies {
  private let latency: Randomization.Range
  private let narrows: Bool
  private let seed: UInt64
  private let count: Int
  private let streams: UnsafeMutablePointer<RandomStream>
  private let ranges: UnsafeMutablePointer<Randomization.Range>

  /// nil where no resize takes any time.
  init?(_ configuration: PodClusterConfiguration, places: Int) {
    latency = configuration.randomization?.resizeLatency ?? configuration.resizeLatency
    narrows = configuration.randomization?.resizeLatency != nil
    guard latency.to > 0 else { return nil }
    seed = configuration.seed
    count = places
    streams = .allocate(capacity: places)
    streams.initialize(repeating: RandomStream(seed: 0, stream: 0), count: places)
    ranges = .allocate(capacity: places)
    ranges.initialize(repeating: latency, count: places)
  }

  deinit {
    streams.deallocate()
    ranges.deallocate()
  }

  /// Begins a pod's episode.
  func reset(_ place: Int, pod: Int, episode: Int) {
    streams[place] = RandomStream(seed: seed, purpose: "resize latency", pod, episode)
    if narrows { ranges[place].to = latency.draw(&streams[place]) }
  }

  /// Seconds that the pod's next write takes.
  func draw(_ place: Int) -> Double { ranges[place].draw(&streams[place]) }
}
