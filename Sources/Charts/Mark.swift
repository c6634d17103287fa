/// A place in a chart. Coordinates that are no numbers, or have no place on a logarithmic axis, are left out; a line has a
/// gap there.
public struct Point: Sendable, Equatable {
  public var x: Double
  public var y: Double

  public init(_ x: Double, _ y: Double) {
    self.x = x
    self.y = y
  }
}

/// What a chart shows: marks of the same name have the same colour and one entry in the legend; an empty name has none.
public struct Mark: Sendable, Equatable {
  /// One point of a scatter plot, with its intervals.
  public struct Dot: Sendable, Equatable {
    public var place: Point
    /// Stands beside the point.
    public var label: String
    public var xInterval: ClosedRange<Double>?
    public var yInterval: ClosedRange<Double>?

    public init(
      _ place: Point, label: String = "", xInterval: ClosedRange<Double>? = nil, yInterval: ClosedRange<Double>? = nil
    ) {
      self.place = place
      self.label = label
      self.xInterval = xInterval
      self.yInterval = yInterval
    }
  }

  /// Low and high at one place.
  public struct Interval: Sendable, Equatable {
    public var x: Double
    public var low: Double
    public var high: Double

    public init(_ x: Double, _ low: Double, _ high: Double) {
      self.x = x
      self.low = low
      self.high = high
    }
  }

  enum Shape: Sendable, Equatable {
    case line([Point], isStep: Bool, isDashed: Bool)
    case band([Interval])
    case dots([Dot])
    case front([Point], dropsFirst: Bool)
    case rule(x: Double?, y: Double?)
    case diagonal(factor: Double)
  }

  public let name: String
  let shape: Shape

  /// - `isStep`: a value holds until the next one, as limits do.
  public static func line(_ name: String, _ points: [Point], isStep: Bool = false, isDashed: Bool = false) -> Mark {
    Mark(name: name, shape: .line(points, isStep: isStep, isDashed: isDashed))
  }
  /// One value per second, from second 0 on; the last one holds for its second too.
  public static func line(_ name: String, perSecond values: [Double], isDashed: Bool = false) -> Mark {
    let points = values.enumerated().map { Point(Double($0), $1) }
    let end = values.last.map { [Point(Double(values.count), $0)] } ?? []
    return .line(name, points + end, isStep: true, isDashed: isDashed)
  }
  /// An interval around a line.
  public static func band(_ name: String, _ intervals: [Interval]) -> Mark {
    Mark(name: name, shape: .band(intervals))
  }
  public static func dots(_ name: String, _ dots: [Dot]) -> Mark { Mark(name: name, shape: .dots(dots)) }
  /// The edge of what the points reach, as a staircase, drawn in grey.
  public static func front(
    _ name: String, of points: [Point], x: ParetoFront.Better = .lower, y: ParetoFront.Better = .lower
  ) -> Mark {
    Mark(name: name, shape: .front(ParetoFront.of(points, x: x, y: y), dropsFirst: x == .higher))
  }
  /// A value that others are compared with, drawn in grey.
  public static func rule(_ name: String, y: Double) -> Mark { Mark(name: name, shape: .rule(x: nil, y: y)) }
  public static func rule(_ name: String, x: Double) -> Mark { Mark(name: name, shape: .rule(x: x, y: nil)) }
  /// y = factor · x, drawn in grey.
  public static func diagonal(_ name: String, factor: Double = 1) -> Mark {
    Mark(name: name, shape: .diagonal(factor: factor))
  }

  /// Whether it has a colour of its own; what others are compared with is grey.
  var isColoured: Bool {
    switch shape {
    case .line, .band, .dots: true
    case .front, .rule, .diagonal: false
    }
  }

  /// What the axes have to show.
  var extent: (x: [Double], y: [Double]) {
    switch shape {
    case .line(let points, _, _), .front(let points, _): (points.map(\.x), points.map(\.y))
    case .band(let intervals): (intervals.map(\.x), intervals.flatMap { [$0.low, $0.high] })
    case .dots(let dots):
      (
        dots.flatMap { [$0.place.x] + ($0.xInterval.map { [$0.lowerBound, $0.upperBound] } ?? []) },
        dots.flatMap { [$0.place.y] + ($0.yInterval.map { [$0.lowerBound, $0.upperBound] } ?? []) }
      )
    case .rule(let x, let y): (x.map { [$0] } ?? [], y.map { [$0] } ?? [])
    case .diagonal: ([], [])
    }
  }
}

/// The points that no other beats in one direction without losing in the other.
public enum ParetoFront {
  public enum Better: Sendable { case lower, higher }

  /// - Returns: the front, by ascending x. Of equal points one is kept; those that are no numbers are not on it.
  public static func of(_ points: [Point], x: Better = .lower, y: Better = .lower) -> [Point] {
    func cost(_ point: Point) -> (Double, Double) {
      (x == .lower ? point.x : -point.x, y == .lower ? point.y : -point.y)
    }
    var front: [Point] = []
    var best = Double.infinity
    for point in points.filter({ $0.x.isFinite && $0.y.isFinite }).sorted(by: { cost($0) < cost($1) }) {
      let height = cost(point).1
      if height < best {
        front.append(point)
        best = height
      }
    }
    return x == .lower ? front : front.reversed()
  }
}
