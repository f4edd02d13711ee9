package store

import (
	"context"
	"database/sql"
	"sync"
)

// Statements are those that a database/sql connection or pool has prepared so far. There is a fixed number of them: they are constants.
type statements struct {
	prepare func(ctx context.Context, sql string) (*sql.Stmt, error)
	known   sync.Map // SQL to *sql.Stmt
}

func (s *statements) get(ctx context.Context, text string) (*sql.Stmt, error) {
	if st, ok := s.known.Load(text); ok {
		return st.(*sql.Stmt), nil
	}
	st, err := s.prepare(ctx, text)
	if err != nil {
		return nil, err
	}
	if other, taken := s.known.LoadOrStore(text, st); taken {
		st.Close()
		return other.(*sql.Stmt), nil
	}
	return st, nil
}

func (s *statements) close() {
	s.known.Range(func(_, st any) bool {
		st.(*sql.Stmt).Close()
		return true
	})
}

func (s *statements) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	st, err := s.get(ctx, text)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (s *statements) Queue(ctx context.Context, text string, args ...any) error {
	st, err := s.get(ctx, text)
	if err != nil {
		return err
	}
	_, err = st.ExecContext(ctx, args...)
	return err
}

func (s *statements) QueryRow(ctx context.Context, dest []any, text string, args ...any) error {
	st, err := s.get(ctx, text)
	if err != nil {
		return err
	}
	return st.QueryRowContext(ctx, args...).Scan(dest...)
}

func (s *statements) Query(ctx context.Context, row func(scanner) error, text string, args ...any) error {
	st, err := s.get(ctx, text)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
