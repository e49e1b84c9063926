import { useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { previewQuery, type TaggedRevision, uneditedQuery } from '../api/edits';
import { connectionsQuery, platformsQuery } from '../api/queries';
import type { Edit, Image } from '../api/types';
import { Button } from '../components/button';
import { ProblemNote } from '../components/problem-note';
import type { Limits } from '../edits/cropping';
import { shownBox } from '../edits/framing';
import { type Box, editFor, turnedSize } from '../edits/model';
import { facesIn } from '../edits/faces';
import { LeaveGuard } from './leave-guard';
import { Previews } from './previews';
import { Revisions } from './revisions';
import { SaveBar } from './save-bar';
import { FREE, shapesFor } from './shapes';
import { type Place, placesOf, ratioOf } from './slots';
import { EmptyStage, Stage, type Tool } from './stage';
import { Tools } from './tools';
import { isTransparent } from './transparency';
import { useEditor } from './use-editor';
import { useSettled } from './use-settled';
import { useUndoKeys } from './use-undo-keys';

/** Who drags a frame asks for previews when the frame rests. */
const PREVIEW_AFTER_MS = 250;

interface EditorPageProps {
  image: Image;
  present: TaggedRevision;
  /** The place whose own edit is made, such as `x.avatar`; undefined for everywhere. */
  slot: string | undefined;
  onSlot: (slot: string | undefined) => void;
}

/** Edits a picture: what is done everywhere, or in one place instead. */
export function PictureEditor({ image, present, slot, onSlot }: EditorPageProps) {
  const editor = useEditor(present);
  const settled = useSettled(editor.edits, PREVIEW_AFTER_MS);
  const { data: platforms } = useSuspenseQuery(platformsQuery);
  const { data: connections } = useSuspenseQuery(connectionsQuery);
  const places = placesOf(platforms, connections);
  // A place that the catalogue does not know, or no longer, is none.
  const place = places.find(({ key }) => key === slot);
  useUndoKeys(editor);
  return (
    <div className="stack">
      <Scope place={place} onEverywhere={() => onSlot(undefined)} />
      <div className="editor">
        <div className="editor-work stack">
          <Work
            // What is chosen for one place says nothing of another.
            key={place?.key}
            image={image}
            begun={editor.begun}
            edit={editFor(editor.edits, place?.key)}
            settled={editFor(settled, place?.key)}
            place={place}
            onChange={(edit, gesture) => editor.changeEdit(place?.key, edit, gesture)}
          />
        </div>
        <div className="editor-previews">
          <Previews
            image={image}
            edits={editor.edits}
            settled={settled}
            places={places}
            place={place}
            onPlace={onSlot}
            onChange={editor.change}
          />
        </div>
        <div className="editor-revisions">
          <Revisions image={image} editor={editor} />
        </div>
        <SaveBar image={image} editor={editor} />
      </div>
      <LeaveGuard isChanged={editor.isChanged} />
    </div>
  );
}

/** Says for which place the edit is, once it is for one alone. There from the start, so that a change is read out. */
function Scope({ place, onEverywhere }: { place: Place | undefined; onEverywhere: () => void }) {
  const scope = useRef<HTMLDivElement>(null);
  const key = place?.key;
  useEffect(() => {
    // On a phone it was chosen far below.
    if (key) scope.current?.scrollIntoView({ block: 'nearest' });
  }, [key]);
  return (
    <div className="editor-scope" role="status" ref={scope}>
      {place && (
        <div className="note">
          <p className="grow">
            You are editing <strong>{place.name}</strong> alone. What is done everywhere else stays as it is.
          </p>
          <Button onClick={onEverywhere}>Back to everywhere</Button>
        </div>
      )}
    </div>
  );
}

interface WorkProps {
  image: Image;
  begun: TaggedRevision;
  edit: Edit;
  /** The same as it was a moment ago. */
  settled: Edit;
  place: Place | undefined;
  onChange: (edit: Edit, gesture?: string) => void;
}

/** The picture and the tools to work on it. */
function Work({ image, begun, edit, settled, place, onChange }: WorkProps) {
  const [tool, setTool] = useState<Tool>('crop');
  const [shapeId, setShapeId] = useState(FREE.id);
  const upright = useQuery(uneditedQuery(image.id));
  const file = upright.data?.file;
  const transparent = useQuery({
    queryKey: ['previews', image.id, 'transparent'],
    queryFn: () => (file ? isTransparent(file) : false),
    enabled: file !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const shown = useShownBox(image, edit, settled, place);
  const size = turnedSize(image, edit);
  const shapes = shapesFor(size, place);
  const shape = shapes.find(({ id }) => id === shapeId) ?? FREE;
  const limits: Limits = { size, ratio: shape.ratio };
  const change = (next: Edit, gesture?: string) => {
    // A banner that is turned is none any more; squares and the picture's own shape stay what they are.
    if (next.quarter_turns % 2 !== edit.quarter_turns % 2 && !['original', 'square'].includes(shape.id)) {
      setShapeId(FREE.id);
    }
    onChange(next, gesture);
  };
  if (upright.isError) return <ProblemNote error={upright.error} onRetry={() => void upright.refetch()} />;
  return (
    <>
      <div className="edit-table">
        {file ? (
          <Stage
            file={file}
            upright={image}
            edit={edit}
            limits={limits}
            tool={tool}
            faces={facesIn(image, begun.revision, edit)}
            shown={shown}
            onChange={change}
          />
        ) : (
          <EmptyStage size={size} />
        )}
      </div>
      <Tools
        edit={edit}
        limits={limits}
        tool={tool}
        shapes={shapes}
        shape={shape}
        isTransparent={transparent.data ?? false}
        onTool={setTool}
        onShape={({ id }) => setShapeId(id)}
        onChange={change}
      />
    </>
  );
}

/** What the place that is being edited shows: as the server says, or as it looks until the server has said. */
function useShownBox(image: Image, edit: Edit, settled: Edit, place: Place | undefined): Box | null {
  const preview = useQuery({ ...previewQuery(image.id, place?.key ?? '', settled), enabled: place !== undefined });
  if (!place) return null;
  const told = edit === settled && !preview.isPlaceholderData ? preview.data?.about.frame : undefined;
  return told ?? shownBox(edit, turnedSize(image, edit), ratioOf(place));
}
