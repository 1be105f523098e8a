package cloudwatch

import "math"

// operators of expressions. A division by zero has no result, as on AWS.
var operators = map[string]func(a, b float64) float64{
	"+":  func(a, b float64) float64 { return a + b },
	"-":  func(a, b float64) float64 { return a - b },
	"*":  func(a, b float64) float64 { return a * b },
	"/":  func(a, b float64) float64 { return a / b },
	"^":  math.Pow,
	"<":  func(a, b float64) float64 { return truth(a < b) },
	"<=": func(a, b float64) float64 { return truth(a <= b) },
	">":  func(a, b float64) float64 { return truth(a > b) },
	">=": func(a, b float64) float64 { return truth(a >= b) },
	"==": func(a, b float64) float64 { return truth(a == b) },
	"!=": func(a, b float64) float64 { return truth(a != b) },
	"&&": and, "AND": and,
	"||": or, "OR": or,
}

func and(a, b float64) float64 { return truth(a != 0 && b != 0) }
func or(a, b float64) float64  { return truth(a != 0 || b != 0) }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// function is one that expressions may call, with least to most (0: any number) arguments.
type function struct {
	least, most int
	apply       func(scope, []vector) vector
}

var functions = map[string]function{
	"ABS":   {1, 1, each(math.Abs)},
	"CEIL":  {1, 1, each(math.Ceil)},
	"FLOOR": {1, 1, each(math.Floor)},
	"SUM":   {1, 0, fold(func(vs []float64) float64 { return total(vs) })},
	"AVG":   {1, 0, fold(func(vs []float64) float64 { return total(vs) / float64(len(vs)) })},
	"MIN":   {1, 0, fold(func(vs []float64) float64 { return extreme(vs, math.Min) })},
	"MAX":   {1, 0, fold(func(vs []float64) float64 { return extreme(vs, math.Max) })},
	"IF":    {2, 3, choose},
	"FILL":  {2, 2, fill},
}

func each(f func(float64) float64) func(scope, []vector) vector {
	return func(_ scope, vs []vector) vector {
		return zip(vs[0], constant(0), func(a, _ float64) float64 { return f(a) })
	}
}

// fold makes a function that takes many series to one, by periods, or one series to a
// constant.
func fold(f func([]float64) float64) func(scope, []vector) vector {
	return func(_ scope, vs []vector) vector {
		if len(vs) == 1 && !vs[0].constant {
			var all []float64
			for _, v := range vs[0].points {
				all = append(all, v)
			}
			if len(all) == 0 {
				return vector{}
			}
			return constant(f(all))
		}
		at := map[int64][]float64{}
		for _, v := range vs {
			for t, x := range v.points {
				at[t] = append(at[t], x)
			}
		}
		out := vector{points: map[int64]float64{}}
		for t, xs := range at {
			out.points[t] = f(xs)
		}
		return out
	}
}

func total(vs []float64) (sum float64) {
	for _, v := range vs {
		sum += v
	}
	return sum
}

func extreme(vs []float64, f func(a, b float64) float64) float64 {
	x := vs[0]
	for _, v := range vs[1:] {
		x = f(x, v)
	}
	return x
}

// choose is IF(condition, then, else); without else the rest is left out.
func choose(_ scope, vs []vector) vector {
	if vs[0].constant {
		switch {
		case vs[0].value != 0:
			return vs[1]
		case len(vs) == 3:
			return vs[2]
		}
		return vector{}
	}
	out := vector{points: map[int64]float64{}}
	for t, c := range vs[0].points {
		from := vs[1]
		if c == 0 {
			if len(vs) < 3 {
				continue
			}
			from = vs[2]
		}
		if v, ok := from.at(t); ok {
			out.points[t] = v
		}
	}
	return out
}

// fill is FILL(series, constant): every period asked for has a value.
func fill(s scope, vs []vector) vector {
	out := vector{points: map[int64]float64{}}
	for _, t := range s.periods {
		v, ok := vs[0].at(t)
		if !ok {
			v, ok = vs[1].at(t)
		}
		if ok {
			out.points[t] = v
		}
	}
	return out
}
